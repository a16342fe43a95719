namespace finops;

entity Users {
  key UserID   : String(40);
      UserName : String;
      Alias    : String;
      Email    : String;
      Enabled  : Boolean default false;
}

entity Companies {
  key DataArea : String(4);
}

entity DocumentParameters {
  key dataAreaId       : String(4);
  key ![Key]           : Integer;
      WebAppsServerURL : String;
}

entity BatchGroups {
  key GroupId     : String(20);
  key ServerId    : String(40);
      Description : String @mandatory;
      ChangedAt   : Timestamp @odata.etag;
}
